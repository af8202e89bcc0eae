// One connection under load: sends a request when it is due, reads the answer, tells the tally, and connects
// anew where it must.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <weft/net/tcp_stream.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

#include "answer_reader.hpp"
#include "arrivals.hpp"
#include "load_plan.hpp"
#include "tally.hpp"
#include "target.hpp"

class connection {
 public:
  /// All of it outlives this. `batch`: what one write sends.
  connection(const target& at, const load_plan& plan, std::string_view batch, tally& to)
      : target_{at}, plan_{plan}, batch_{batch}, tally_{to}, reader_{at.make_reader()} {}

  /// Connects, so that the first request need not.
  ///
  /// Blocks     the calling fiber.
  /// Errors     canceled; what else fails goes to the tally.
  weft::result<void> open();

  /// Sends and reads until it is stopped, or until what comes no longer counts: what is due (open loop), or
  /// as fast as answers come (null). In the fiber that has called open().
  void run(arrivals* due);

 private:
  // These fail when they are canceled only: other failures are counted.
  weft::result<void> open_for(std::int64_t due, unsigned requests);
  weft::result<void> exchange(std::int64_t due);
  weft::result<void> read_answers(std::int64_t due, weft::deadline until);
  weft::result<void> failed(failure step, std::error_code why, std::int64_t due, unsigned requests);
  bool connected() const noexcept { return stream_.native_handle() >= 0; }

  const target& target_;
  const load_plan& plan_;
  const std::string_view batch_;
  tally& tally_;
  const std::unique_ptr<answer_reader> reader_;
  weft::net::tcp_stream stream_{-1};
};
