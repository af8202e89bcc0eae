#include <weft/http/files/mime.hpp>

#include <gtest/gtest.h>

using weft::http::mime_type;

TEST(MimeType, goes_by_the_last_extension) {
  EXPECT_EQ(mime_type("index.html"), "text/html; charset=utf-8");
  EXPECT_EQ(mime_type("a/b.c/x.JS"), "text/javascript; charset=utf-8");
  EXPECT_EQ(mime_type("x.tar.gz"), "application/gzip");
  EXPECT_EQ(mime_type("x.7z"), "application/x-7z-compressed");
  EXPECT_EQ(mime_type("x.zst"), "application/zstd");
  EXPECT_EQ(mime_type("x.webmanifest"), "application/manifest+json");
  EXPECT_EQ(mime_type("font.woff2"), "font/woff2");
}

TEST(MimeType, calls_all_else_bytes) {
  for (const char* name : {"", "Makefile", "a.", ".", "a.html/b", "x.unknown", "x.htmlx", "x.webmanifest2",
                           "x.h tml", "x.\xc3\xa4"})
    EXPECT_EQ(mime_type(name), "application/octet-stream") << name;
}
