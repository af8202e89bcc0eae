// Decoders of the content codings that the build can write, to read it back.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace weft::testing {

/// `size`: how long the text is.
using decode_function = std::string (*)(std::string_view encoded, std::size_t size);

inline std::map<std::string_view, decode_function>& decoders() {
  static std::map<std::string_view, decode_function> all;
  return all;
}

struct decoder {
  decoder(std::string_view coding, decode_function f) { decoders()[coding] = f; }
};

inline std::string decode(std::string_view coding, std::string_view encoded, std::size_t size) {
  return decoders().at(coding)(encoded, size);
}

}  // namespace weft::testing
