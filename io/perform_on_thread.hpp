// Operations of foreign threads. They have no poller, so they try without waiting, and sleep in poll(2)
// between the tries.
//
// Nobody can reach into a poll(2), so it sleeps in slices and looks between them whether the descriptor was
// closed meanwhile.
#pragma once

#include <weft/io/perform.hpp>

namespace weft::detail {

/// perform() for a thread that is no worker.
///
/// Blocks     the calling thread.
outcome perform_on_thread(pending_operation& p, deadline until) noexcept;

}  // namespace weft::detail
