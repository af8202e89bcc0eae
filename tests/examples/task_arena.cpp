// Each task takes a line apart in memory of its own, which goes with the task: nothing is freed one by one.
//
//     task_arena
#include <algorithm>
#include <cstdio>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include <weft/weft.hpp>

std::size_t distinct_words(std::string_view line) {
  auto& arena = weft::task_arena::here();
  std::pmr::vector<std::pmr::string> words{&arena};  // the strings are in the arena too
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    if (std::find(words.begin(), words.end(), line.substr(0, end)) == words.end())
      words.emplace_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words.size();
}

int main() {
  weft::run([] {
    auto first = weft::spawn([] { return distinct_words("to be or not to be"); });
    auto second = weft::spawn([] { return distinct_words("the sooner the better"); });
    std::printf("%zu words\n", first.join());
    std::printf("%zu words\n", second.join());
  });
}
