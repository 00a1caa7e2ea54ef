package person

// Wipe overwrites the secret: who held the key for a while calls it at the end. A wiped key signs nothing that verifies. What the runtime has
// copied meanwhile is out of its reach.
func (k *Key) Wipe() { clear(k.private) }
