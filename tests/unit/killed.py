"""Kill an action at a chosen step, as a power cut or the kernel may do at any."""

import os
import signal


def killed_at(number, action, calls):
    """Run an action in a child that is killed at its n-th step; say whether it was.

    :param number: from 1.
    :param calls: pairs (object, name of a function of it): each call of one is a step, before it does anything.
    """
    child = os.fork()
    if child == 0:
        left = [number]

        def killing(function):
            def wrapper(*args, **kwargs):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*args, **kwargs)

            return wrapper

        try:
            for place, name in calls:
                setattr(place, name, killing(getattr(place, name)))
            action()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])
