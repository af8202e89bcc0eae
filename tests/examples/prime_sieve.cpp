// The prime sieve: each prime is a fiber that lets through what it does not divide. Source: C. A. R. Hoare,
// "Communicating sequential processes", 1978 (M. D. McIlroy).
//
//   prime_sieve
#include <weft/weft.hpp>

#include <cstdio>
#include <memory>
#include <vector>

using numbers = weft::channel<int>;

int main() {
  return weft::exit_status(
      weft::run([]() -> weft::result<void> {
        std::vector<std::unique_ptr<numbers>> stages;  // outlive the fibers that use them
        std::vector<weft::task<weft::result<void>>> filters;
        stages.push_back(std::make_unique<numbers>(0));
        filters.push_back(weft::spawn([out = stages.back().get()]() -> weft::result<void> {
          for (int n = 2;; ++n) WEFT_TRY(out->send(n));
        }));

        int prime = 0;
        for (int i = 0; i < 100; ++i) {
          numbers* const in = stages.back().get();
          prime = WEFT_TRY(in->recv());
          stages.push_back(std::make_unique<numbers>(0));
          filters.push_back(weft::spawn([in, out = stages.back().get(), prime]() -> weft::result<void> {
            for (const int n : *in)
              if (n % prime != 0) WEFT_TRY(out->send(n));
            return weft::this_fiber::checkpoint();
          }));
        }
        std::printf("the 100th prime is %d\n", prime);

        for (auto& s : stages) s->close();
        for (auto& f : filters)
          if (const auto ended = f.join(); !ended && ended.error() != weft::errc::closed) return ended;
        return {};
      }),
      "prime_sieve");
}
