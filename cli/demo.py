def demo(a):
    return 0
