//go:build !linux

package watch

// Folder is a folder under watch, by counting it twice a second: a name moved in is Created
// and Closed, not Moved. Next is for one goroutine; Close may be called from any.
type Folder struct{ poller *poller }

// Open begins to watch a folder: what happens from its return on has an event.
func Open(dir string) (*Folder, error) {
	p, err := openPoller(dir, pollEach)
	if err != nil {
		return nil, err
	}
	return &Folder{p}, nil
}

// Next waits for the next event. Errors: [ErrGone], and os.ErrClosed after Close.
func (f *Folder) Next() (Event, error) { return f.poller.next() }

// Close ends the watch; a Next that waits returns os.ErrClosed.
func (f *Folder) Close() error { return f.poller.close() }
