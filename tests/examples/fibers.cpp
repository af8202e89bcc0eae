// What the fibers of a program do, for people or for programs; and the functions that those which wait for a
// mutex are in.
//
//   fibers [json]
#include <weft/weft.hpp>

#include <iostream>

weft::result<void> app(weft::dump_format format) {
  weft::mutex till;
  weft::event open;
  weft::latch arrived{3};
  till.lock();
  std::vector<weft::task<void>> customers;
  for (int i = 0; i < 3; ++i)
    customers.push_back(weft::spawn(
        [&] {
          arrived.count_down();
          till.lock();
          till.unlock();
        },
        {.name = "customer"}));
  auto cashier = weft::spawn([&] { return open.wait(); }, {.name = "cashier"});
  arrived.wait();
  weft::this_fiber::yield();

  weft::dump_fibers(std::cout, format);
  std::size_t queue = 0;
  for (const weft::fiber_info& f : weft::list_fibers({.backtraces = false}).fibers)
    if (f.awaits == weft::this_fiber::get_id()) ++queue;
  std::cerr << queue << " wait for this fiber\n";
  weft::symbolizer symbols;
  if (symbols.find(reinterpret_cast<std::uintptr_t>(&app)).function.find("app") == std::string::npos)
    std::cerr << "no symbols\n";

  till.unlock();
  for (auto& c : customers) c.join();
  open.set();
  return cashier.join();
}

int main(int argc, char**) {
  weft::options o;
  o.workers = 1;
  const auto format = argc > 1 ? weft::dump_format::json : weft::dump_format::text;
  return weft::exit_status(weft::run([=] { return app(format); }, o), "fibers");
}
