#include <weft/io/pipe.hpp>

#include <weft/io/transfer.hpp>
#include <weft/io/transfer_work.hpp>

namespace weft::detail {

io::transfer_result pipe_through(io::transfer_end source, io::transfer_end target, chunk_function f,
                                 void* context, deadline until) {
  return transfer_work{source, target, io::to_the_end, until}.run_through(f, context);
}

}  // namespace weft::detail
