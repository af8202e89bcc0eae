// A journal that several fibers append to, read back at offsets, locked, and copied past the page cache.
//
//   file
#include <weft/weft.hpp>

#include <algorithm>
#include <cstdio>
#include <span>
#include <string>

#include <fcntl.h>

using weft::io::file;

static std::span<std::byte> bytes_of(std::string& text) { return std::as_writable_bytes(std::span{text}); }

static weft::result<void> append_entries(file& journal) {
  return weft::with_nursery([&](weft::nursery& n) {
    for (int i = 0; i < 6; ++i)
      n.spawn([&journal, i]() -> weft::result<void> {
        const std::string entry = "entry " + std::to_string(i) + " of the journal\n";
        WEFT_TRY(journal.append(entry));
        return {};
      });
  });
}

// What O_DIRECT writes comes from the buffer itself: address, size and offset are whole pages.
static weft::result<bool> copy_past_the_cache(const std::string& text) {
  weft::result<file> direct = file::temporary("/var/tmp");
  if (!direct || ::fcntl(direct->native_handle(), F_SETFL, O_DIRECT) != 0) return false;
  file copy{direct->release()};
  weft::io::aligned_buffer page{weft::io::aligned_buffer::page}, back{weft::io::aligned_buffer::page};
  std::copy_n(text.begin(), text.size(), reinterpret_cast<char*>(page.data()));
  if (!copy.pwrite_all(page.bytes(), 0)) return false;  // not every file system can do it
  WEFT_TRY(copy.pread_exactly(back.bytes(), 0));
  return std::string_view(reinterpret_cast<const char*>(back.data()), text.size()) == text;
}

static weft::result<void> app() {
  file journal = WEFT_TRY(file::temporary());
  WEFT_TRY(append_entries(journal));
  WEFT_TRY(journal.sync_data());  // now it is on the disk

  std::string text(WEFT_TRY(journal.size()), ' ');
  WEFT_TRY(journal.pread_exactly(bytes_of(text), 0));
  std::printf("%td lines, %zu bytes\n", std::count(text.begin(), text.end(), '\n'), text.size());

  std::string third(22, ' ');
  WEFT_TRY(journal.pread_exactly(bytes_of(third), 2 * 23));
  std::printf("the third line: %s\n", third.c_str());

  // A second opening of the same file, as another process would have.
  file other = WEFT_TRY(file::open("/proc/self/fd/" + std::to_string(journal.native_handle()), O_RDWR));
  WEFT_TRY(journal.lock());
  std::printf("the other one has the lock: %s\n", other.try_lock() ? "yes" : "no");
  WEFT_TRY(journal.unlock());

  const bool copied = WEFT_TRY(copy_past_the_cache(text));
  std::printf("in whole pages, past the cache: %s\n", copied ? "yes" : "not on this file system");
  return journal.close();
}

int main() { return weft::exit_status(weft::run(app), "file"); }
