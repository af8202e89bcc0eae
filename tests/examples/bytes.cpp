// One message goes to three receivers, one of which keeps only a part of it: nothing is copied.
//
//   bytes
#include <weft/weft.hpp>

#include <cstdio>
#include <string>
#include <utility>

using namespace std::string_view_literals;

int main() {
  std::string kept;
  weft::run([&] {
    weft::channel<weft::bytes> a{1}, b{1}, c{1};
    weft::bytes message = weft::bytes::copy_of("temperature=21.5"sv);
    for (auto* receiver : {&a, &b, &c}) (void)receiver->send(message);
    weft::bytes part = a.recv().value().slice("temperature="sv.size());
    std::printf("same memory: %s\n", b.recv().value().data() == c.recv().value().data() ? "yes" : "no");
    message = {};  // the part keeps the memory
    kept = part.text();
  });
  std::printf("kept: %s\n", kept.c_str());
}
