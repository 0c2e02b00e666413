// Loops over a pool of threads.

#ifndef JAXANIM_WARP_THREADS_H_
#define JAXANIM_WARP_THREADS_H_

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

#include "xla/ffi/api/ffi.h"

namespace warp {

// Runs task(0) ... task(count - 1) on this thread and on those of the pool that come to help. It waits for tasks that
// were begun, never for a thread to come: all threads of the pool may be waiting in here.
template <typename Task>
void ForEach(xla::ffi::ThreadPool* pool, int64_t count, const Task& task) {
  struct State {
    std::atomic<int64_t> next{0}, done{0};
    std::mutex mutex;
    std::condition_variable finished;
  };
  auto state = std::make_shared<State>();
  auto work = [state, count, &task] {
    for (int64_t i = state->next++; i < count; i = state->next++) {
      task(i);
      if (++state->done == count) {
        std::lock_guard<std::mutex> lock(state->mutex);
        state->finished.notify_all();
      }
    }
  };
  const int64_t helpers = pool ? std::min(pool->num_threads(), count) - 1 : 0;
  for (int64_t i = 0; i < helpers; ++i) pool->Schedule(decltype(work)(work));
  work();
  std::unique_lock<std::mutex> lock(state->mutex);
  state->finished.wait(lock, [&] { return state->done == count; });
}

}  // namespace warp

#endif  // JAXANIM_WARP_THREADS_H_
