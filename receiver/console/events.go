package console

import (
	"net/http"

	"pawl/hw/web"
)

// What a page can renew itself for.
const (
	topicLink      = "link"
	topicTransfers = "transfers"
)

// events tells a page that there is something new. The stream ends with its session, and keeps none alive.
func (c *Console) events(w http.ResponseWriter, r *http.Request) {
	r.Header.Set(web.LiveHeader, "1") // a page left open is not a person who works
	s, err := c.session(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	c.bell.Stream(w, r, s.ended, c.Limit)
}
