// What weft-httpd answers: one route for each thing that weft's HTTP can do.
#pragma once

#include <string>

#include <weft/http/router.hpp>

struct demo_options {
  std::string root;  // a directory whose files are served; empty: none
};

/// Adds them.
void demo_routes(weft::http::router& to, const demo_options& options);
