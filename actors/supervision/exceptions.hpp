/// Keeps the text of an exception that leaves a handler as the actor's exit reason. CAF itself loses
/// the text.
#pragma once

#include <caf/error.hpp>
#include <caf/sec.hpp>

#include <exception>
#include <string>

namespace furrow::actors {

template <class Self>
void report_exceptions(Self* self) {
  self->set_exception_handler([](std::exception_ptr& thrown) -> caf::error {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      return caf::make_error(caf::sec::runtime_error, std::string{e.what()});
    } catch (...) {
      return caf::make_error(caf::sec::runtime_error,
                             std::string{"an exception that is no std::exception"});
    }
  });
}

} // namespace furrow::actors
