// A folder of files for tests of what serves them, gone with the test.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

namespace weft::testing {

class folder {
 public:
  static constexpr std::int64_t long_ago = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT

  folder() {
    char name[] = "/tmp/weft-files-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() { std::filesystem::remove_all(path_); }

  std::string path(std::string_view name = "") const {
    return name.empty() ? path_ : path_ + "/" + std::string{name};
  }

  /// Replaces the file, or makes it, and the folders above it; by rename, as who cares does.
  void write(std::string_view name, std::string_view content, std::int64_t modified = long_ago) const {
    const std::string at = path(name), part = at + ".part";
    std::filesystem::create_directories(std::filesystem::path{at}.parent_path());
    std::ofstream{part, std::ios::binary} << content;
    touch(part, modified);
    std::filesystem::rename(part, at);
  }

  static void touch(const std::string& at, std::int64_t modified) {
    const timespec times[] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {.tv_sec = modified, .tv_nsec = 5}};
    ::utimensat(AT_FDCWD, at.c_str(), times, 0);
  }

 private:
  std::string path_;
};

}  // namespace weft::testing
