"""The trust graph: who connects to whom, presenting and trusting what, and whether they would get through."""
