// Blocks SIGPIPE on the thread that owns a poller, so that writing to what the peer has closed is an EPIPE
//        result and never the end of the process. send(2) has MSG_NOSIGNAL for this; write(2) to a pipe has
//        nothing before Linux 6.18.
//
// Weft's own workers block it anyway. On a thread that the program lends (drive::caller) it is blocked while
// the poller lives, and what the program had is restored afterwards.
#pragma once

namespace weft::detail {

class sigpipe_block {
 public:
  sigpipe_block() noexcept;
  sigpipe_block(const sigpipe_block&) = delete;
  sigpipe_block& operator=(const sigpipe_block&) = delete;

  /// On the same thread. A SIGPIPE that became pending meanwhile was ours: it is taken before the mask is
  /// restored.
  ~sigpipe_block();

 private:
  bool restore_ = false;
};

}  // namespace weft::detail
