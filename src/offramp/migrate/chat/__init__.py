"""The step `chat`: how does it feel, and what did that answer cost?"""
