// What api.cpp takes as given: a blocking client of a database. It knows users 1 and 2; user 2
// lies on a slow disk.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>

struct database {
  explicit database(const char* address);
  std::optional<std::string> find(std::int64_t id);
  void audit(std::int64_t id);
};

database::database(const char* address) { std::printf("connected to %s\n", address); }

std::optional<std::string> database::find(std::int64_t id) {
  if (id == 2)
    std::this_thread::sleep_for(std::chrono::milliseconds{300});  // real time: longer than api.cpp waits
  if (id != 1 && id != 2) return std::nullopt;
  return R"({"id":)" + std::to_string(id) + "}";
}

void database::audit(std::int64_t id) {
  std::printf("user %lld was read\n", static_cast<long long>(id));
  std::fflush(stdout);
}
