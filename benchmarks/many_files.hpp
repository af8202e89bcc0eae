// 100,000 files of 4 KiB in 100 folders, to be read in batches of 32: the same for weft and its C++ rivals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "harness.hpp"

namespace bench {

/// One operation is one file: opened, read and closed. All of them, in turn.
constexpr std::uint64_t many_files = 100'000, files_in_batch = 32;
constexpr std::size_t file_size = 4096;
constexpr row_options all_of_them{.operations = many_files, .repetitions = 3};

inline void check_file(bool good) {
  if (good) return;
  std::fputs("a file of /var/tmp cannot be made or read\n", stderr);
  std::exit(1);
}

/// Makes them when it is made, on a disk, where /tmp often is none; they are there without a page to write.
class file_tree {
 public:
  file_tree() {
    char name[] = "/var/tmp/weft-bench-XXXXXX";
    check_file(::mkdtemp(name) != nullptr);
    root_ = name;
    const std::string bytes(file_size, 'f');
    for (std::uint64_t i = 0; i < many_files; ++i) {
      if (i % in_folder == 0) std::filesystem::create_directory(path(i).parent_path());
      const int made = ::open(path(i).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
      check_file(::write(made, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
      ::close(made);
    }
    ::sync();
  }
  file_tree(const file_tree&) = delete;
  file_tree& operator=(const file_tree&) = delete;
  ~file_tree() { std::filesystem::remove_all(root_); }

  /// A descriptor, which is the caller's.
  int open(std::uint64_t i, int flags) const {
    const int opened = ::open(path(i).c_str(), O_RDONLY | O_CLOEXEC | flags);
    check_file(opened >= 0);
    return opened;
  }

 private:
  static constexpr std::uint64_t in_folder = 1000;

  std::filesystem::path path(std::uint64_t i) const {
    return root_ / std::to_string(i / in_folder) / std::to_string(i % in_folder);
  }

  std::filesystem::path root_;
};

/// Made by the first row that wants it, and gone when the program ends.
inline const file_tree& files() {
  static const file_tree made;
  return made;
}

}  // namespace bench
