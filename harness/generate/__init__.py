"""Asks agents the requests of every scenario in crossed arms, and keeps answers and origins.

``requests`` says what is asked, ``separation`` what each context held, ``replies`` keeps answers
on disk, ``asking`` puts the questions to a model through Inspect's model layer, ``agent`` to
an agent with a shell, and ``by_hand`` writes the same requests for those who ask in another way.
Only ``asking`` and ``agent`` need the extra ``inspect``.
"""
