// A peer that follows a script: sends its bytes in given pieces, then ends its side; an empty piece is a
// pause that a read does not outwait. Keeps what it receives and counts the sends.
#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <unistd.h>

#include <weft/http/exchange.hpp>
#include <weft/http/transport.hpp>
#include <weft/io/file.hpp>

class scripted_transport : public weft::http::detail::transport {
 public:
  explicit scripted_transport(std::vector<std::string> pieces) : pieces_{std::move(pieces)} {}

  weft::result<std::size_t> read(std::span<std::byte> into, weft::deadline) override {
    if (piece_ == pieces_.size()) {
      if (stays_silent) return std::unexpected(weft::errc::deadline_exceeded);
      return std::size_t{0};
    }
    if (pieces_[piece_].empty()) return ++piece_, std::unexpected(weft::errc::deadline_exceeded);
    const std::string_view piece = std::string_view{pieces_[piece_]}.substr(at_);
    const std::size_t length = std::min(piece.size(), into.size());
    std::memcpy(into.data(), piece.data(), length);
    at_ += length;
    if (at_ == pieces_[piece_].size()) {
      ++piece_;
      at_ = 0;
    }
    return length;
  }

  weft::result<void> write(weft::byte_view bytes, weft::deadline) override {
    if (gone) return std::unexpected(std::make_error_code(std::errc::broken_pipe));
    received.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    ++sends;
    largest_send = std::max(largest_send, bytes.size());
    return {};
  }

  void hand_over(weft::net::tcp_stream&) noexcept override { handed_over = true; }
  weft::result<void> write_file(weft::byte_view before, weft::io::file& from, std::uint64_t offset,
                                std::uint64_t length, weft::deadline until) override {
    std::string bytes(length, '\0');
    const ssize_t n = ::pread(from.native_handle(), bytes.data(), length, static_cast<off_t>(offset));
    if (n != static_cast<ssize_t>(length)) return std::unexpected(weft::errc::end_of_stream);
    ++files;
    WEFT_TRY(write(before, until));
    return write(bytes, until);
  }

  /// Drives `e` as a connection's fiber does, to its end.
  void drive(weft::http::detail::exchange& e) {
    using weft::http::detail::exchange;
    e.end();  // the last conversation
    e.begin(*this);
    for (;;) {
      switch (e.advance()) {
        case exchange::next::end: return;
        case exchange::next::handle: e.run_handler(); break;
        case exchange::next::write:
          if (!write(e.output(), {})) return;
          e.sent();
          break;
        case exchange::next::read: {
          const auto got = read(e.input_space(), {});
          if (!got) return;
          if (*got == 0) e.peer_ended();
          else e.received(*got);
        }
      }
    }
  }

  std::string received;
  unsigned sends = 0;
  std::size_t largest_send = 0;
  unsigned files = 0;         // parts of files that were sent as such
  bool stays_silent = false;  // after the script, instead of ending its side
  bool gone = false;          // writes fail
  bool handed_over = false;   // to a handler

 private:
  std::vector<std::string> pieces_;
  std::size_t piece_ = 0;  // the one that is being sent,
  std::size_t at_ = 0;     // and how much of it has been
};
