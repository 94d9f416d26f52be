#include "tools/furrow/interrupt.hpp"

#include <atomic>
#include <csignal>

namespace furrow::cli {

namespace {

std::atomic<bool> interrupt_noted{false};
std::atomic<bool> interrupts_are_noted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void note_interrupt(int signal) {
  interrupt_noted = true;
  std::signal(signal, SIG_DFL);
}

} // namespace

bool note_interrupts() {
  interrupts_are_noted = true;
  return std::signal(SIGINT, note_interrupt) != SIG_ERR
         && std::signal(SIGTERM, note_interrupt) != SIG_ERR;
}

bool notes_interrupts() {
  return interrupts_are_noted;
}

bool interrupted() {
  return interrupt_noted;
}

} // namespace furrow::cli
