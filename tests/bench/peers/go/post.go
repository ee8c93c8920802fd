package main

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
)

type options struct {
	PostMode           string  `json:"post_mode"`
	PrivacyLevel       *string `json:"privacy_level"`
	DisableComment     bool    `json:"disable_comment"`
	AutoAddMusic       bool    `json:"auto_add_music"`
	BrandContentToggle bool    `json:"brand_content_toggle"`
	BrandOrganicToggle bool    `json:"brand_organic_toggle"`
	PhotoCoverIndex    int64   `json:"photo_cover_index"`
	IsAigc             bool    `json:"is_aigc"`
}

type image struct {
	Position  int64    `json:"position"`
	UploadID  string   `json:"upload_id"`
	Width     int64    `json:"width"`
	Height    int64    `json:"height"`
	SizeBytes int64    `json:"size_bytes"`
	Changes   []string `json:"changes"`
	FetchedAt *string  `json:"fetched_at"`
	DeletedAt *string  `json:"deleted_at"`
}

type event struct {
	At           string  `json:"at"`
	Event        string  `json:"event"`
	Status       string  `json:"status"`
	Code         *string `json:"code"`
	PlatformCode *string `json:"platform_code"`
	LogID        *string `json:"log_id"`
	RequestID    *string `json:"request_id"`
}

type post struct {
	ID              string   `json:"id"`
	AccountID       string   `json:"account_id"`
	Status          string   `json:"status"`
	Title           *string  `json:"title"`
	Description     *string  `json:"description"`
	PostMode        string   `json:"post_mode"`
	PlatformOptions options  `json:"platform_options"`
	PublishID       *string  `json:"publish_id"`
	PostURL         *string  `json:"post_url"`
	TiktokPostIDs   []string `json:"tiktok_post_ids"`
	Failure         *string  `json:"failure"`
	NextAttemptAt   *string  `json:"next_attempt_at"`
	CreatedAt       string   `json:"created_at"`
	EndedAt         *string  `json:"ended_at"`
	Images          []image  `json:"images"`
	Events          []event  `json:"events"`
}

type postAnswer struct {
	Data post `json:"data"`
	Meta meta `json:"meta"`
}

var statements = map[string]*sql.Stmt{}
var tiktok = os.Getenv("BENCH_TIKTOK")

func preparePost(db *sql.DB) {
	var texts map[string]string
	if err := json.Unmarshal([]byte(os.Getenv("BENCH_POST_STATEMENTS")), &texts); err != nil {
		log.Fatal(err)
	}
	for name, text := range texts {
		statement, err := db.Prepare(text)
		if err != nil {
			log.Fatal(err)
		}
		statements[name] = statement
	}
}

func timeOrNull(us sql.NullInt64) *string {
	if !us.Valid {
		return nil
	}
	text := rfc3339(us.Int64)
	return &text
}

func list(text sql.NullString) []string {
	if !text.Valid || text.String == "" {
		return []string{}
	}
	return strings.Split(text.String, ",")
}

func readPost(p *post, id, user []byte) error {
	var account []byte
	var ids sql.NullString
	var next, ended sql.NullInt64
	var created int64
	o := &p.PlatformOptions

	err := statements["post"].QueryRow(id, user).Scan(&id, &account, &p.Title, &p.Description, &o.PostMode, &o.PrivacyLevel,
		&o.DisableComment, &o.AutoAddMusic, &o.BrandContentToggle, &o.BrandOrganicToggle, &o.IsAigc, &o.PhotoCoverIndex,
		&p.Status, &p.PublishID, &ids, &next, &created, &ended)
	if err != nil {
		return err
	}
	p.ID, p.AccountID, p.PostMode, p.TiktokPostIDs = uuid(id), uuid(account), o.PostMode, list(ids)
	p.NextAttemptAt, p.CreatedAt, p.EndedAt = timeOrNull(next), rfc3339(created), timeOrNull(ended)
	if len(p.TiktokPostIDs) > 0 {
		var username sql.NullString
		if err := statements["creator"].QueryRow(account, user).Scan(&username); err != nil && err != sql.ErrNoRows {
			return err
		}
		if username.Valid {
			url := tiktok + "/@" + username.String + "/photo/" + p.TiktokPostIDs[0]
			p.PostURL = &url
		}
	}
	if err := readImages(p, id); err != nil {
		return err
	}
	return readEvents(p, id)
}

func readImages(p *post, id []byte) error {
	rows, err := statements["images"].Query(id)
	if err != nil {
		return err
	}
	defer rows.Close()
	p.Images = []image{}
	for rows.Next() {
		var i image
		var upload []byte
		var changes sql.NullString
		var fetched, deleted sql.NullInt64
		if err := rows.Scan(&i.Position, &upload, &i.Width, &i.Height, &i.SizeBytes, &changes, &fetched, &deleted); err != nil {
			return err
		}
		i.UploadID, i.Changes, i.FetchedAt, i.DeletedAt = uuid(upload), list(changes), timeOrNull(fetched), timeOrNull(deleted)
		p.Images = append(p.Images, i)
	}
	return rows.Err()
}

func readEvents(p *post, id []byte) error {
	rows, err := statements["events"].Query(id)
	if err != nil {
		return err
	}
	defer rows.Close()
	p.Events = []event{}
	for rows.Next() {
		var e event
		var at int64
		if err := rows.Scan(&at, &e.Event, &e.Status, &e.Code, &e.PlatformCode, &e.LogID, &e.RequestID); err != nil {
			return err
		}
		e.At = rfc3339(at)
		p.Events = append(p.Events, e)
	}
	return rows.Err()
}

func handlePost(w http.ResponseWriter, r *http.Request) {
	var a postAnswer
	var user []byte
	var state string
	var revoked sql.NullInt64

	sum := sha256.Sum256([]byte(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))
	err := statements["key"].QueryRow(sum[:]).Scan(&user, &revoked, &state)
	if err == sql.ErrNoRows || err == nil && (revoked.Valid || state != "active") {
		http.Error(w, "{}", http.StatusUnauthorized)
		return
	}
	id, bad := hex.DecodeString(strings.ReplaceAll(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], "-", ""))
	if err == nil && bad == nil {
		err = readPost(&a.Data, id, user)
	}
	if bad != nil || err == sql.ErrNoRows {
		http.Error(w, "{}", http.StatusNotFound)
		return
	}
	if err != nil {
		http.Error(w, "{}", http.StatusInternalServerError)
		return
	}
	a.Meta.RequestID = r.Header.Get("X-Request-Id")
	body, _ := json.Marshal(&a)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}
