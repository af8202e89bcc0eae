// What goes through a worker's inbox: a link and the function that the receiving worker calls. Lies inside
// what it is about.
#pragma once

namespace weft::detail {

class worker;

struct message {
  using delivery = void (*)(message& self, worker& receiver) noexcept;

  message* next = nullptr;
  delivery deliver = nullptr;
};

}  // namespace weft::detail
