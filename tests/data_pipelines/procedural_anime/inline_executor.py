"""A process pool without processes, for tests: work is done when it is submitted."""

import concurrent.futures


class InlineExecutor:
    """Takes the place of `concurrent.futures.ProcessPoolExecutor` where pairs are rendered."""

    def __init__(self, workers, mp_context, initializer):
        assert callable(initializer)
        # A forked process could hang in the threads of JAX.
        assert mp_context.get_start_method() == "spawn"
        self.workers, self.submitted, self.ended = workers, [], False

    def submit(self, function, design, seed, number):
        assert not self.ended
        self.submitted.append(number)
        future = concurrent.futures.Future()
        future.set_result(function(design, seed, number))
        return future

    def shutdown(self, *, wait, cancel_futures):
        assert (wait, cancel_futures) == (False, True)
        self.ended = True
