// Everything a user of weft needs, in one include.
#pragma once

#include <weft/http/precompiled.hpp>
#include <weft/http/request.hpp>
#include <weft/http/response.hpp>
#include <weft/http/router.hpp>
#include <weft/http/server.hpp>
#include <weft/http/status.hpp>
#include <weft/io/io.hpp>
#include <weft/net/address.hpp>
#include <weft/net/line_reader.hpp>
#include <weft/net/socket_options.hpp>
#include <weft/net/tcp_listener.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/runtime/base/byte_view.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/options.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/signals.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/task.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/thread_stack.hpp>
#include <weft/runtime/wait_group.hpp>
