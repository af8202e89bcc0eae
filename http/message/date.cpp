#include <weft/http/message/date.hpp>

#include <chrono>
#include <cstring>
#include <ctime>

namespace weft::http::detail {
namespace {

void put_two(char* out, unsigned value) noexcept {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
}

}  // namespace

void format_date(std::int64_t unix_seconds, char* out) noexcept {
  using namespace std::chrono;
  static constexpr char days_of_week[] = "SunMonTueWedThuFriSat";
  static constexpr char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  static constexpr char pattern[] = "Www, 00 Mmm 0000 00:00:00 GMT";
  static_assert(sizeof pattern - 1 == date_length);

  const sys_seconds point{seconds{unix_seconds}};
  const sys_days midnight = floor<days>(point);
  const year_month_day date{midnight};
  const auto of_day = static_cast<unsigned>((point - midnight).count());
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));

  std::memcpy(out, pattern, date_length);
  std::memcpy(out, days_of_week + 3 * weekday{midnight}.c_encoding(), 3);
  put_two(out + 5, static_cast<unsigned>(date.day()));
  std::memcpy(out + 8, months + 3 * (static_cast<unsigned>(date.month()) - 1), 3);
  put_two(out + 12, year / 100);
  put_two(out + 14, year % 100);
  put_two(out + 17, of_day / 3600);
  put_two(out + 20, of_day / 60 % 60);
  put_two(out + 23, of_day % 60);
}

std::int64_t date_cache::coarse_unix_seconds() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec;
}

}  // namespace weft::http::detail
