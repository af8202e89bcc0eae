#include <brotli/decode.h>

#include "decoders.hpp"

namespace {

const weft::testing::decoder brotli{
    "br", [](std::string_view encoded, std::size_t size) -> std::string {
      std::string text(size + 1, '\0');
      std::size_t length = text.size();
      if (BrotliDecoderDecompress(encoded.size(), reinterpret_cast<const std::uint8_t*>(encoded.data()),
                                  &length, reinterpret_cast<std::uint8_t*>(text.data())) !=
          BROTLI_DECODER_RESULT_SUCCESS)
        return "not brotli";
      text.resize(length);
      return text;
    }};

}  // namespace
