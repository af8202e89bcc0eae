#include <weft/http/files/multipart_ranges.hpp>

#include <sys/random.h>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/number_text.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http::detail {

std::string content_range(byte_range r, std::uint64_t size) {
  std::string text{"bytes "};
  text.append(number_text{r.first}).append("-").append(number_text{r.last()});
  return text.append("/").append(number_text{size});
}

std::string multipart_ranges::content_type() const {
  return "multipart/byteranges; boundary=" + std::string{boundary_};
}

std::uint64_t multipart_ranges::length() const {
  std::uint64_t sum = end().size();
  for (std::size_t i = 0; i < ranges_.count; ++i) sum += before(i).size() + ranges_.all[i].length;
  return sum;
}

std::string multipart_ranges::before(std::size_t index) const {
  std::string text{index == 0 ? "--" : "\r\n--"};
  text.append(boundary_).append("\r\nContent-Type: ").append(type_);
  text.append("\r\nContent-Range: ").append(content_range(ranges_.all[index], size_));
  return text.append("\r\n\r\n");
}

std::string multipart_ranges::end() const { return "\r\n--" + std::string{boundary_} + "--\r\n"; }

std::string random_boundary() {
  unsigned char random[16];
  const ssize_t got = ::getrandom(random, sizeof random, 0);
  WEFT_ASSERT(got == sizeof random, "the kernel has random bytes, once it has started");
  std::string text;
  text.reserve(2 * sizeof random);
  for (const unsigned byte : random) {
    text += hex_digit(byte >> 4);
    text += hex_digit(byte);
  }
  return text;
}

}  // namespace weft::http::detail
