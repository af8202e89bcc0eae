// A folder that is filled while somebody watches it, listed, read as memory, and removed under the watcher.
//
//   folder
#include <weft/weft.hpp>

#include <algorithm>
#include <cstdio>
#include <string>

namespace io = weft::io;

// A reader of the folder sees either no such file or all of it: it gets its name when it is complete.
static weft::result<void> publish(const std::string& folder, const std::string& name, std::string_view text) {
  io::named_file made = WEFT_TRY(io::create_temporary_file(folder + "/."));
  WEFT_TRY(made.opened.write_all(text));
  WEFT_TRY(made.opened.sync());
  return io::rename(made.path, folder + "/" + name, RENAME_NOREPLACE);
}

static weft::result<void> tell_changes(io::watcher& changes) {
  for (;;) {
    const weft::result<io::watch_event> event = changes.next();
    if (!event && event.error() == weft::errc::end_of_stream) {
      std::printf("nothing is left to watch\n");
      return {};
    }
    if (WEFT_TRY(event).is(IN_MOVED_TO)) std::printf("new: %s\n", event->name.c_str());
    if (event->is(IN_DELETE_SELF)) std::printf("the folder is gone\n");
  }
}

static weft::result<void> count_lines(const std::string& path) {
  io::file poem = WEFT_TRY(io::file::open(path));
  io::mapping text = WEFT_TRY(io::mapping::map(poem));
  WEFT_TRY(text.load());  // else the first touch might stop all fibers of this worker
  std::printf("%td lines\n", std::ranges::count(text.bytes(), std::byte{'\n'}));
  return {};
}

static weft::result<void> app() {
  const std::string folder = WEFT_TRY(io::create_temporary_directory());
  io::watcher changes = WEFT_TRY(io::watcher::open());
  WEFT_TRY(changes.add(folder, IN_MOVED_TO | IN_DELETE_SELF));
  auto watching = weft::spawn([&] { return tell_changes(changes); });

  WEFT_TRY(publish(folder, "poem", "roses are red\nviolets are blue\n"));
  WEFT_TRY(publish(folder, "list", "milk\n"));
  std::printf("%zu names\n", WEFT_TRY(io::list_directory(folder)).size());

  WEFT_TRY(count_lines(folder + "/poem"));
  // Nothing of it is open any more: else the kernel would tell of its end only when that is closed.
  WEFT_TRY(io::remove_all(folder));
  return watching.join();
}

int main() { return weft::exit_status(weft::run(app), "folder"); }
