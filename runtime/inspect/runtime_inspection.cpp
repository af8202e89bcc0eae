#include <weft/runtime/inspect/runtime_inspection.hpp>

#include <cstdio>
#include <string>
#include <utility>

#include <weft/runtime/inspect/fibers.hpp>
#include <weft/runtime/inspect/sigquit_dump.hpp>
#include <weft/runtime/inspect/stack_census.hpp>
#include <weft/runtime/scheduler.hpp>

namespace weft::detail {

runtime_inspection::runtime_inspection(scheduler& of) : of_{of}, listed_{of} {
  if (!of_.settings().dump_on_sigquit) return;
  const auto acquired = sigquit_dump::acquire();
  dumps_ = acquired.has_value();
  if (!dumps_) of_.report("SIGQUIT will not print the fibers: " + acquired.error().message());
}

runtime_inspection::~runtime_inspection() {
  if (dumps_) sigquit_dump::release();
}

void runtime_inspection::begin_stop() {
  // Who has asked the fibers to stop before knows of them.
  if (of_.settings().leak_report && !of_.stopping() && !told_.exchange(true)) report_left();
}

void runtime_inspection::report_left() {
  fiber_list all = list_fibers();
  std::erase_if(all.fibers, [&](const fiber_info& f) { return f.runtime != listed_.number(); });
  std::erase_if(all.workers, [&](const worker_info& w) { return w.runtime != listed_.number(); });
  if (all.fibers.empty()) return;
  of_.report(std::to_string(all.fibers.size()) + " fibers were left when the runtime was stopped:\n" +
             fibers_text(all));
}

void runtime_inspection::end() {
  listed_.leave();
  const char* const path = of_.settings().stack_census_file;
  if (path == nullptr || written_.exchange(true)) return;
  const std::string text = stack_census_json();
  std::FILE* const file = std::fopen(path, "we");
  bool good = file != nullptr;
  if (file != nullptr) {
    good = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    good &= std::fclose(file) == 0;
  }
  if (!good) of_.report(std::string{"the stack census cannot be written to "} + path);
}

}  // namespace weft::detail
