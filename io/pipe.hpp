// Bytes from one descriptor to another through a function of the program: to compress, to encrypt, to count.
//
//   io::pipe(upload, file, [&](std::span<std::byte> chunk) {
//     sum.add(chunk);
//     return chunk;
//   });
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <ranges>
#include <span>
#include <type_traits>

#include <weft/io/transfer_end.hpp>
#include <weft/io/transfer_result.hpp>
#include <weft/runtime/base/byte_view.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft {
namespace detail {

/// Bytes that outlive the object that names them.
template <class R>
concept borrowed_bytes = std::convertible_to<R, byte_view> &&
                         (std::same_as<std::remove_cvref_t<R>, byte_view> || std::ranges::borrowed_range<R>);

template <class R>
inline constexpr bool gives_bytes = borrowed_bytes<R>;
template <class T>
inline constexpr bool gives_bytes<result<T>> = borrowed_bytes<T>;

using chunk_function = result<byte_view> (*)(void* context, std::span<std::byte> chunk);

io::transfer_result pipe_through(io::transfer_end source, io::transfer_end target, chunk_function f,
                                 void* context, deadline until);

}  // namespace detail

namespace io {

/// A function of a chunk: what to write instead, or a result of it. It may change the chunk and give back a
/// part of it, or give bytes of its own, which must stay until it is called again.
template <class F>
concept transform = std::invocable<F&, std::span<std::byte>> &&
                    detail::gives_bytes<std::invoke_result_t<F&, std::span<std::byte>>>;

/// Reads `source` to its end, in chunks of at most 64 KiB, and writes to `target` what f makes of each. At
/// the end f is called once more, with an empty chunk, for what it has held back.
///
/// Blocks     the calling fiber or foreign thread; f may wait too, but not for anybody to read `source` or
///            write to `target`: both are held until this returns.
/// Errors     f's; all those of transfer(). Rethrows what f throws.
/// Cancelled  between two chunks, or while it waits for one: what was taken and not written is lost.
/// Safe from  any fiber or thread.
template <transform F>
[[nodiscard]] transfer_result pipe(transfer_end source, transfer_end target, F&& f, deadline until = {}) {
  using function = std::remove_reference_t<F>;
  const auto call = [](void* context, std::span<std::byte> chunk) -> result<byte_view> {
    return (**static_cast<function**>(context))(chunk);
  };
  function* at = std::addressof(f);  // which may be a function, and no object
  return detail::pipe_through(source, target, call, &at, until);
}

}  // namespace io
}  // namespace weft
