// Bodies that go to files, apart: they alone need io.
#include <memory>
#include <span>

#include <weft/http/multipart.hpp>
#include <weft/http/request.hpp>
#include <weft/io/file.hpp>

namespace weft::http {
namespace {

constexpr std::size_t block = 64 << 10;  // bytes per read and write: a guess

// `from`: a request, or a part of one.
template <class From>
result<std::uint64_t> save_all(From& from, io::file& to, deadline until) {
  const auto memory = std::make_unique_for_overwrite<std::byte[]>(block);
  const std::span bytes{memory.get(), block};
  std::uint64_t size = 0;
  while (const std::size_t got = WEFT_TRY(from.read(bytes, until))) {
    WEFT_TRY(to.write_all(bytes.first(got), until));
    size += got;
  }
  return size;
}

}  // namespace

result<std::uint64_t> request::save(io::file& to, deadline until) { return save_all(*this, to, until); }
result<std::uint64_t> multipart::save(io::file& to, deadline until) { return save_all(*this, to, until); }

}  // namespace weft::http
