#include "tools/furrowd/http/work_desk.hpp"

#include <sys/resource.h>

#include <boost/asio/post.hpp>

namespace furrow::http {

namespace {
constexpr int desk_nice = 5; // on Linux for this thread only
} // namespace

work_desk::work_desk() {
  // If it fails, the thread keeps its priority: the work is done all the same.
  boost::asio::post(thread_, [] { (void)::setpriority(PRIO_PROCESS, 0, desk_nice); });
}

work_desk::~work_desk() {
  thread_.stop();
  thread_.join();
}

bool work_desk::post(std::function<void()> work) {
  if (held_.fetch_add(1) > waiting_max) {
    --held_;
    return false;
  }
  boost::asio::post(thread_, [this, work = std::move(work)] {
    work();
    --held_;
  });
  return true;
}

} // namespace furrow::http
