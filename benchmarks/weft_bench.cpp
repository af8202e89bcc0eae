// weft-bench: what weft's operations cost on this machine. benchmarks/compare runs it beside its rivals.
//
//     weft-bench --filter '^yield/' --format json
//     weft-bench --save before; ...; weft-bench --compare before --fail-on-regression
//
// One file per claim: the rows are in *_bench.cpp. Everything runs on one worker, but for mutex/contended_2
// and semaphore/cross_thread, which take two; pin the process (taskset -c 1) for figures that repeat.
#include <weft/config.hpp>

#include "harness.hpp"

int main(int argc, char** argv) { return bench::run_rows(argc, argv, "weft-bench", WEFT_VERSION); }
