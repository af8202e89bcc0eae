#include <weft/http/auth/base64.hpp>

#include <array>
#include <cstdint>

namespace weft::http::detail {
namespace {

constexpr std::string_view letters[] = {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};

constexpr std::string_view letters_of(base64_alphabet a) noexcept {
  return letters[static_cast<std::size_t>(a)];
}

constexpr std::array<std::int16_t, 256> values_of(base64_alphabet a) noexcept {
  std::array<std::int16_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < 64; ++i)
    values[static_cast<unsigned char>(letters_of(a)[i])] = static_cast<std::int16_t>(i);
  return values;
}

constexpr std::array<std::array<std::int16_t, 256>, 2> values = {values_of(base64_alphabet::standard),
                                                                 values_of(base64_alphabet::url)};

}  // namespace

std::string encode_base64(std::string_view bytes, base64_alphabet alphabet) {
  const std::string_view all = letters_of(alphabet);
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  unsigned count = 0;  // of bits that wait
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) text += all[bits >> (count - 6) & 63];
  }
  if (count != 0) text += all[bits << (6 - count) & 63];
  if (alphabet == base64_alphabet::standard) text.resize((text.size() + 3) / 4 * 4, '=');
  return text;
}

std::optional<std::string> decode_base64(std::string_view text, base64_alphabet alphabet) {
  if (alphabet == base64_alphabet::standard) {
    if (text.size() % 4 != 0) return std::nullopt;
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const int value = values[static_cast<std::size_t>(alphabet)][static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 255);
  }
  if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;
  return bytes;
}

}  // namespace weft::http::detail
