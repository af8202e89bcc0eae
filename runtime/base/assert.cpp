// The failing side of WEFT_ASSERT: no allocation, no stdio, a static buffer, one write(2), abort().
#include <weft/runtime/base/assert.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <span>

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <weft/runtime/base/errc.hpp>

namespace weft::detail {
namespace {

// std::atomic, not weft's: the simulator must not choose another thread while the process ends.
constinit std::atomic<assert_describer> describe{nullptr};
constinit std::atomic<long> reporter{0};  // the thread that reports; it is never given back

// Static, because the stack may be nearly used up. A debugger and a core file find the last words here.
constinit char report[2048];
constinit std::size_t used = 0;

constexpr std::size_t string_shown = 96;  // characters of a string operand; the rest is counted
constexpr std::size_t bytes_shown = 16;   // bytes of an operand of any other type

void put(std::string_view text) noexcept {
  const std::size_t room = sizeof(report) - 1 - used;  // one byte stays for the last newline
  const std::size_t count = std::min(text.size(), room);
  std::memcpy(report + used, text.data(), count);
  used += count;
}

void put(char c) noexcept { put(std::string_view{&c, 1}); }

void put_unsigned(std::uint64_t value) noexcept {
  char digits[20];
  std::size_t at = sizeof(digits);
  do {
    digits[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  put(std::string_view{digits + at, sizeof(digits) - at});
}

void put_signed(std::int64_t value) noexcept {
  if (value < 0) put('-');
  put_unsigned(value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value));
}

void put_hex(std::uint64_t value, int digits) noexcept {
  while (digits > 1 && (value >> (4 * (digits - 1))) == 0) --digits;
  for (; digits > 0; --digits) put("0123456789abcdef"[(value >> (4 * (digits - 1))) & 15]);
}

void put_byte(unsigned char byte) noexcept {
  put("0123456789abcdef"[byte >> 4]);
  put("0123456789abcdef"[byte & 15]);
}

void put_escaped(char c) noexcept {
  if (c == '"' || c == '\\') put('\\');
  if (c >= ' ' && c <= '~') return put(c);
  put("\\x");
  put_byte(static_cast<unsigned char>(c));
}

void put_string(std::string_view text) noexcept {
  put('"');
  for (const char c : text.substr(0, string_shown)) put_escaped(c);
  put('"');
  if (text.size() <= string_shown) return;
  put("... (");
  put_unsigned(text.size());
  put(" bytes)");
}

void put_character(char c) noexcept {
  put('\'');
  put_escaped(c);
  put("' (");
  put_signed(c);
  put(')');
}

/// "system:104 ECONNRESET", "weft:3 deadline exceeded". Not message(): it allocates, and strerror may want
/// kilobytes of stack.
void put_error(const std::error_category& category, int value) noexcept {
  put(category.name());
  put(':');
  put_signed(value);
  const char* meaning = nullptr;
  const bool is_errno = category == std::system_category() || category == std::generic_category();
  if (category == weft_category()) meaning = errc_message(value);
  else if (is_errno) meaning = strerrorname_np(value);
  if (meaning == nullptr) return;
  put(' ');
  put(meaning);
}

void put_bytes(std::span<const unsigned char> bytes) noexcept {
  put('{');
  for (std::size_t i = 0; i < std::min(bytes.size(), bytes_shown); ++i) {
    if (i > 0) put(' ');
    put_byte(bytes[i]);
  }
  put(bytes.size() > bytes_shown ? " ...} (" : "} (");
  put_unsigned(bytes.size());
  put(" bytes)");
}

void put_operand(assert_kind kind, assert_operand operand) noexcept {
  const auto count = static_cast<std::size_t>(operand.second);
  const auto address = static_cast<std::uintptr_t>(operand.first);
  switch (kind) {
    case assert_kind::none: break;
    case assert_kind::boolean: return put(operand.first != 0 ? "true" : "false");
    case assert_kind::signed_integer: return put_signed(static_cast<std::int64_t>(operand.first));
    case assert_kind::unsigned_integer: return put_unsigned(operand.first);
    case assert_kind::character: return put_character(static_cast<char>(operand.first));
    case assert_kind::string: return put_string({reinterpret_cast<const char*>(address), count});
    case assert_kind::bytes: return put_bytes({reinterpret_cast<const unsigned char*>(address), count});
    case assert_kind::pointer:
      if (address == 0) return put("nullptr");
      put("0x");
      return put_hex(operand.first, 16);
    case assert_kind::error:
      return put_error(*reinterpret_cast<const std::error_category*>(address),
                       static_cast<int>(operand.second));
  }
}

void put_line(std::string_view label, assert_kind kind, assert_operand operand) noexcept {
  if (kind == assert_kind::none) return;
  put(label);
  put_operand(kind, operand);
  put('\n');
}

void put_fiber() noexcept {
  const assert_describer describer = describe.load(std::memory_order_acquire);
  constexpr std::string_view label = "  fiber  ";
  if (describer == nullptr || sizeof(report) - used < 2 * label.size()) return;
  const std::size_t room = sizeof(report) - used - label.size() - 1;
  const std::size_t written = std::min(describer(report + used + label.size(), room), room);
  if (written == 0) return;
  put(label);
  used += written;
  put('\n');
}

void write_all(std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t n = write(STDERR_FILENO, text.data(), text.size());
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
    else if (n == 0 || errno != EINTR) return;
  }
}

/// One thread reports. A second thread waits for the end; the same thread again (the describer failed) says
/// so and ends it.
void enter_once(const char* text) noexcept {
  const long self = syscall(SYS_gettid);
  long nobody = 0;
  if (reporter.compare_exchange_strong(nobody, self, std::memory_order_relaxed)) return;
  while (nobody != self) pause();
  write_all({report, used});
  write_all("\nand while reporting it: ");
  write_all(text);
  write_all("\n");
  std::abort();
}

}  // namespace

void set_assert_describer(assert_describer describer) noexcept {
  describe.store(describer, std::memory_order_release);
}

void fail_assert(const char* text, unsigned kinds, assert_operand left, assert_operand right) noexcept {
  enter_once(text);
  put(text);
  put('\n');
  const bool both = (kinds >> 8) != 0;
  put_line(both ? "  left   " : "  error  ", static_cast<assert_kind>(kinds & 255), left);
  put_line("  right  ", static_cast<assert_kind>(kinds >> 8), right);
  put_fiber();
  if (used > 0 && report[used - 1] != '\n') report[used++] = '\n';
  write_all({report, used});
  std::abort();
}

}  // namespace weft::detail
