def retry(function, times, sleep, pause=1):
    if times <= 0:
        raise ValueError("times must be positive")
    try:
        return function()
    except ConnectionError:
        if times == 1:
            raise
    sleep(float(pause))
    return retry(function, times - 1, sleep, 2 * pause)
