#include <weft/http/auth/base64.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>

using weft::http::detail::base64_alphabet;
using weft::http::detail::decode_base64;
using weft::http::detail::encode_base64;

// The vectors of RFC 4648, section 10.
TEST(Base64, says_what_the_standard_says) {
  for (const auto& [bytes, text] : {std::pair{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes);
  }
}

TEST(Base64, knows_the_alphabet_of_urls) {
  EXPECT_EQ(encode_base64("\xfb\xff", base64_alphabet::url), "-_8");
  EXPECT_EQ(encode_base64("\xfb\xff"), "+/8=");
  EXPECT_EQ(decode_base64("-_8", base64_alphabet::url), "\xfb\xff");
  EXPECT_FALSE(decode_base64("-_8="));
  EXPECT_FALSE(decode_base64("+/8", base64_alphabet::url));
}

TEST(Base64, takes_all_bytes_there_and_back) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) {
    bytes += static_cast<char>(i * 7 + i / 256);
    for (const auto alphabet : {base64_alphabet::standard, base64_alphabet::url})
      EXPECT_EQ(decode_base64(encode_base64(bytes, alphabet), alphabet), bytes);
  }
}

TEST(Base64, has_one_text_per_value) {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zm8", "Zm8==", "====", "=",
                          "Z===", "Zg==Zg==", "Zm 9v", "Zm9v\n", "Zm9v===="})
    EXPECT_FALSE(decode_base64(bad)) << bad;
  for (const char* bad : {"Z", "Zh", "Zm9", "Zg==", "Zm9v="})
    EXPECT_FALSE(decode_base64(bad, base64_alphabet::url)) << bad;
}
