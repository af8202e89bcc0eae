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

/// Turns round a list that was pushed to at its head. Returns its new head.
inline message* oldest_first(message* newest) noexcept {
  message* oldest = nullptr;
  while (newest != nullptr) {
    message* const next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

}  // namespace weft::detail
