// What the tests of files share: a folder of their own, gone when the test ends.
#pragma once

#include "fiber_fixture.hpp"

#include <fstream>
#include <sstream>

#include <sys/mount.h>

#include <weft/io/file.hpp>

namespace weft::detail {

class OnFiles : public OnFibers {
 protected:
  void SetUp() override {
    std::string made = std::filesystem::temp_directory_path() / "weft-test-XXXXXX";
    ASSERT_NE(::mkdtemp(made.data()), nullptr);
    folder_ = made;
    OnFibers::SetUp();
  }

  void TearDown() override {
    OnFibers::TearDown();
    std::filesystem::remove_all(folder_);
  }

  std::string path(std::string_view name) const { return folder_ / name; }

  std::string content(std::string_view name) const {
    std::ifstream in{path(name), std::ios::binary};
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
  }

  void make(std::string_view name, std::string_view bytes = {}) const {
    std::ofstream{path(name), std::ios::binary} << bytes;
  }

 private:
  std::filesystem::path folder_;
};

/// A tmpfs of so many bytes that is mounted nowhere: a directory's descriptor, or -1 where that is not
/// allowed. It is gone with its last descriptor.
inline int small_disk(std::size_t bytes) {
  const int context = ::fsopen("tmpfs", FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  const std::string size = std::to_string(bytes);
  ::fsconfig(context, FSCONFIG_SET_STRING, "size", size.c_str(), 0);
  ::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
  const int root = ::fsmount(context, FSMOUNT_CLOEXEC, 0);
  ::close(context);
  return root;
}

inline std::span<const std::byte> text(std::string_view s) { return std::as_bytes(std::span{s}); }

}  // namespace weft::detail
