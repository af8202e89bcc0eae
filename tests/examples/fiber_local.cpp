// Whom the work is for, known wherever it leads: fibers inherit the number of their request.
//
//   fiber_local
#include <weft/weft.hpp>

#include <cstdio>

static weft::fiber_local<int> request{0, weft::inherit::copy};

static void ask(const char* whom) { std::printf("request %d asks %s\n", *request, whom); }

static void serve(int number) {
  *request = number;
  weft::spawn([] { ask("the database"); }).join();
}

int main() {
  weft::run([] {
    auto first = weft::spawn([] { serve(7); });
    auto second = weft::spawn([] { serve(8); });
    first.join();
    second.join();
    ask("nobody");
  });
}
