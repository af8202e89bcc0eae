#include <zstd.h>

#include "decoders.hpp"

namespace {

const weft::testing::decoder zstd{"zstd", [](std::string_view encoded, std::size_t size) -> std::string {
                                    std::string text(size + 1, '\0');
                                    const std::size_t length = ZSTD_decompress(
                                        text.data(), text.size(), encoded.data(), encoded.size());
                                    if (ZSTD_isError(length) != 0) return "not zstd";
                                    text.resize(length);
                                    return text;
                                  }};

}  // namespace
