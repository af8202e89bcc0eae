// What a run has found, for people and for programs.
#pragma once

#include <string>

#include "load_plan.hpp"
#include "load_run.hpp"

/// One JSON object, with a line's end. Times are in microseconds.
std::string json_of(const load_result& r, const load_plan& plan, unsigned workers, const std::string& url);

std::string text_of(const load_result& r, const load_plan& plan, unsigned workers, const std::string& url);
