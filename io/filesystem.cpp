#include <weft/io/filesystem.hpp>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <weft/io/blocking_call.hpp>

namespace weft::io {
namespace {

using detail::blocking_call;
using detail::kernel_path;
using detail::system_error;

struct close_directory {
  void operator()(DIR* d) const noexcept { ::closedir(d); }
};

file_kind kind_of(unsigned char type) noexcept {
  switch (type) {
    case DT_REG: return file_kind::regular;
    case DT_DIR: return file_kind::directory;
    case DT_LNK: return file_kind::link;
    case DT_FIFO: return file_kind::pipe;
    case DT_SOCK: return file_kind::socket;
    case DT_BLK: return file_kind::block;
    case DT_CHR: return file_kind::character;
    default: return file_kind::unknown;
  }
}

result<std::vector<directory_entry>> list_now(const std::string& name, std::size_t at_most) {
  const std::unique_ptr<DIR, close_directory> opened{::opendir(name.c_str())};
  if (opened == nullptr) return system_error(errno);
  std::vector<directory_entry> found;
  while (found.size() < at_most) {
    errno = 0;
    const dirent* const next = ::readdir(opened.get());
    if (next == nullptr && errno != 0) return system_error(errno);
    if (next == nullptr) return found;
    const std::string_view entry = next->d_name;
    if (entry != "." && entry != "..")
      found.push_back({std::string{entry}, kind_of(next->d_type), next->d_ino});
  }
  return found;
}

/// f(name), a system call that does something to a name.
template <class F>
result<void> name_call(std::string_view path, F f, deadline until) {
  const std::string name = WEFT_TRY(kernel_path(path));
  WEFT_TRY(blocking_call([&] { return f(name.c_str()); }, until));
  return {};
}

/// f(name, error), a call of the standard library.
template <class F>
auto standard_call(std::string_view path, F f, deadline until)
    -> result<decltype(f(std::filesystem::path{}, std::declval<std::error_code&>()))> {
  const std::filesystem::path name = WEFT_TRY(kernel_path(path));
  std::error_code error;
  const auto value = WEFT_TRY(blocking([&] { return f(name, error); }, until));
  if (error) return system_error(error.value());
  return value;
}

}  // namespace

result<std::vector<directory_entry>> list_directory(std::string_view path, deadline until,
                                                    std::size_t at_most) {
  const std::string name = WEFT_TRY(kernel_path(path));
  return blocking([&] { return list_now(name, at_most); }, until);
}

result<void> create_directory(std::string_view path, unsigned mode, deadline until) {
  return name_call(path, [&](const char* name) { return ::mkdir(name, mode); }, until);
}

result<void> create_directories(std::string_view path, deadline until) {
  const auto create = [](const std::filesystem::path& name, std::error_code& error) {
    return std::filesystem::create_directories(name, error);
  };
  WEFT_TRY(standard_call(path, create, until));
  return {};
}

result<void> remove_directory(std::string_view path, deadline until) {
  return name_call(path, ::rmdir, until);
}

result<std::uint64_t> remove_all(std::string_view path, deadline until) {
  const auto remove = [](const std::filesystem::path& name, std::error_code& error) -> std::uint64_t {
    return std::filesystem::remove_all(name, error);
  };
  return standard_call(path, remove, until);
}

result<void> unlink(std::string_view path, deadline until) { return name_call(path, ::unlink, until); }

result<void> rename(std::string_view from, std::string_view to, unsigned flags, deadline until) {
  const std::string target = WEFT_TRY(kernel_path(to));
  const auto rename_now = [&](const char* name) {
    return ::renameat2(AT_FDCWD, name, AT_FDCWD, target.c_str(), flags);
  };
  return name_call(from, rename_now, until);
}

result<struct ::statx> stat(std::string_view path, deadline until, int flags, unsigned mask) {
  struct ::statx status{};
  const auto stat_now = [&](const char* name) { return ::statx(AT_FDCWD, name, flags, mask, &status); };
  WEFT_TRY(name_call(path, stat_now, until));
  return status;
}

result<named_file> create_temporary_file(std::string_view prefix, deadline until) {
  std::string name = WEFT_TRY(kernel_path(prefix)) + "XXXXXX";
  const int fd = WEFT_TRY(blocking_call([&] { return ::mkostemp(name.data(), O_CLOEXEC); }, until));
  return named_file{file{fd}, std::move(name)};
}

result<std::string> create_temporary_directory(std::string_view prefix, deadline until) {
  std::string name = WEFT_TRY(kernel_path(prefix)) + "XXXXXX";
  WEFT_TRY(blocking_call([&] { return ::mkdtemp(name.data()) != nullptr ? 0 : -1; }, until));
  return name;
}

}  // namespace weft::io
