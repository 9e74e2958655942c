"""What is seen of uploads while they run, on stderr: a live block, whole lines, JSON events, or nothing; the only room that knows
`rich`. Results and refusals are the console's."""
