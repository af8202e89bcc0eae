// A file is written in pieces and read back, eight at a time: one submission for all, one result for each.
//
//   batch
#include <weft/weft.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>
#include <string>

static weft::result<void> app() {
  constexpr std::size_t pieces = 8, size = 1000;
  weft::io::file file = WEFT_TRY(weft::io::file::temporary());
  weft::io::batch batch;

  std::array<std::string, pieces> written;
  for (std::size_t i = 0; i < pieces; ++i) {
    written[i].assign(size, static_cast<char>('a' + i));
    batch.write(file, written[i], i * size);
  }
  for (const auto& r : batch.wait_all()) WEFT_TRY(r);

  // One too many: it is beyond the end, and the others do not suffer from it.
  std::array<std::string, pieces + 1> read;
  for (std::size_t i = 0; i < read.size(); ++i) {
    read[i].resize(size);
    batch.read(file, std::as_writable_bytes(std::span{read[i]}), i * size);
  }
  const auto results = batch.wait_all(std::chrono::seconds{1});
  const auto full = std::count_if(results.begin(), results.end(), [](auto r) { return r && *r == size; });
  const bool same = std::equal(written.begin(), written.end(), read.begin());
  std::printf("%td pieces are full, the last one has %zu bytes\n", full, WEFT_TRY(results.back()));
  std::printf("what was written came back: %s\n", same ? "yes" : "no");
  return {};
}

int main() { return weft::exit_status(weft::run(app), "batch"); }
