package console

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"go.uber.org/zap"

	"pawl/framing/person"
	"pawl/hw/web"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
	"pawl/receiver/release/people"
)

// badRequest is what a client did wrong.
type badRequest struct{ error }

func (b badRequest) Unwrap() error { return b.error }

// status is the HTTP status of an error, and whether its text is for the person.
func status(err error) (int, bool) {
	var bad badRequest
	var large *http.MaxBytesError
	for _, one := range []struct {
		status int
		errs   []error
	}{
		{http.StatusUnauthorized, []error{errNoSession, errLogin}},
		{http.StatusTooManyRequests, []error{errSlow, errOften}},
		{http.StatusServiceUnavailable, []error{errFull, errBusy, errStopping}},
		{http.StatusForbidden, []error{errRole, errCSRF, errNoKey, errUnlogged, release.ErrRole, people.ErrUnknown, person.ErrSignature}},
		{http.StatusConflict, []error{errNotNow, release.ErrStale, release.ErrTwice, release.ErrState, release.ErrShown, release.ErrChannel, quarantine.ErrLocked}},
		{http.StatusMethodNotAllowed, []error{errMethod}},
		{http.StatusNotFound, []error{errNoPage, errNotThere, fs.ErrNotExist, quarantine.ErrID}},
		{http.StatusBadRequest, []error{person.ErrDecision}},
	} {
		for _, e := range one.errs {
			if errors.Is(err, e) {
				return one.status, true
			}
		}
	}
	switch {
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, true
	case errors.As(err, &bad):
		return http.StatusBadRequest, true
	}
	return http.StatusInternalServerError, false
}

// refuse answers with an error. What went wrong inside is for the log.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, api bool, s *session, err error) {
	code, shown := status(err)
	if errors.Is(err, fs.ErrNotExist) {
		err = errNotThere
	}
	text := web.Say(err.Error(), shownText)
	if !shown {
		c.Log.Error("console", zap.String("path", web.Say(r.URL.Path, shownName).Text()), zap.String("err", text.Text()))
		text = web.Say("that did not work here: the log of pawl-release says why", shownText)
	}
	switch {
	case api:
		writeJSON(w, code, struct {
			Error web.Words `json:"error"`
		}{text})
	case errors.Is(err, errNoSession):
		if r.Header.Get(web.LiveHeader) != "" {
			http.Error(w, text.Text(), code)
			return
		}
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	case errors.Is(err, errLogin), errors.Is(err, errSlow), errors.Is(err, errOften), errors.Is(err, errFull), errors.Is(err, errStopping):
		c.render(w, code, "login", "Log in", nil, "/login", text.Text())
	default:
		c.render(w, code, "refused", http.StatusText(code), s, r.URL.Path, refusal{text.Text(), s != nil, back(r)})
	}
}

// back is where somebody was who was refused: the transfer whose form it was, or where the page came from.
func back(r *http.Request) string {
	if rest, ok := strings.CutPrefix(r.URL.Path, "/transfers/"); ok && r.Method == http.MethodPost {
		id, _, _ := strings.Cut(rest, "/")
		if _, err := quarantine.ParseID(id); err == nil {
			return "/transfers/" + id
		}
	}
	from, err := url.Parse(r.Referer())
	if err != nil || from.Host != r.Host || !strings.HasPrefix(from.Path, "/") || strings.HasPrefix(from.Path, "//") || from.Path == r.URL.Path && r.Method == http.MethodGet {
		return ""
	}
	return (&url.URL{Path: from.Path, RawQuery: from.RawQuery}).String()
}

// refusal is an error on a page.
type refusal struct {
	Text   string
	Inside bool // somebody is logged in
	Back   string
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	out := json.NewEncoder(w)
	out.SetIndent("", " ")
	_ = out.Encode(v) // the one who asked has gone
}
