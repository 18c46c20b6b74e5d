// Package atom is the XML in which Service Bus is administered over HTTP: ATOM entries and
// feeds with descriptions of queues, topics, subscriptions and rules.
package atom

import (
	"encoding/xml"
	"time"
)

// Name spaces.
const (
	nsConnect = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"
	nsXSI     = "http://www.w3.org/2001/XMLSchema-instance"
	nsXSD     = "http://www.w3.org/2001/XMLSchema"
)

// Description is that of a queue, topic or subscription, which have most in common; nil is
// not said. Durations are as XML Schema writes them.
type Description struct {
	XMLNS string `xml:"xmlns,attr,omitempty"`
	XSI   string `xml:"xmlns:i,attr,omitempty"`

	LockDuration                        *string `xml:"LockDuration,omitempty"`
	MaxSizeInMegabytes                  *int64  `xml:"MaxSizeInMegabytes,omitempty"`
	RequiresDuplicateDetection          *bool   `xml:"RequiresDuplicateDetection,omitempty"`
	RequiresSession                     *bool   `xml:"RequiresSession,omitempty"`
	DefaultMessageTimeToLive            *string `xml:"DefaultMessageTimeToLive,omitempty"`
	DeadLetteringOnMessageExpiration    *bool   `xml:"DeadLetteringOnMessageExpiration,omitempty"`
	DeadLetteringOnFilterErrors         *bool   `xml:"DeadLetteringOnFilterEvaluationExceptions,omitempty"`
	DefaultRuleDescription              *Rule   `xml:"DefaultRuleDescription,omitempty"`
	DuplicateDetectionHistoryTimeWindow *string `xml:"DuplicateDetectionHistoryTimeWindow,omitempty"`
	MaxDeliveryCount                    *int    `xml:"MaxDeliveryCount,omitempty"`
	EnableBatchedOperations             *bool   `xml:"EnableBatchedOperations,omitempty"`
	SizeInBytes                         *int64  `xml:"SizeInBytes,omitempty"`
	MessageCount                        *int64  `xml:"MessageCount,omitempty"`
	AuthorizationRules                  *RawXML `xml:"AuthorizationRules,omitempty"`
	Status                              *string `xml:"Status,omitempty"`
	ForwardTo                           *string `xml:"ForwardTo,omitempty"`
	UserMetadata                        *string `xml:"UserMetadata,omitempty"`
	CreatedAt                           string  `xml:"CreatedAt,omitempty"`
	UpdatedAt                           string  `xml:"UpdatedAt,omitempty"`
	AccessedAt                          string  `xml:"AccessedAt,omitempty"`
	SupportOrdering                     *bool   `xml:"SupportOrdering,omitempty"`
	CountDetails                        *Counts `xml:"CountDetails,omitempty"`
	SubscriptionCount                   *int    `xml:"SubscriptionCount,omitempty"`
	SQLFilterCount                      *int    `xml:"SqlFilterCount,omitempty"`
	CorrelationFilterCount              *int    `xml:"CorrelationFilterCount,omitempty"`
	AutoDeleteOnIdle                    *string `xml:"AutoDeleteOnIdle,omitempty"`
	EnablePartitioning                  *bool   `xml:"EnablePartitioning,omitempty"`
	EnableExpress                       *bool   `xml:"EnableExpress,omitempty"`
	ForwardDeadLetteredMessagesTo       *string `xml:"ForwardDeadLetteredMessagesTo,omitempty"`
	MaxMessageSizeInKilobytes           *int64  `xml:"MaxMessageSizeInKilobytes,omitempty"`
}

// RawXML is passed through as it came.
type RawXML struct {
	Inner string `xml:",innerxml"`
}

// Counts are messages by state.
type Counts struct {
	Active             int `xml:"ActiveMessageCount"`
	DeadLetter         int `xml:"DeadLetterMessageCount"`
	Scheduled          int `xml:"ScheduledMessageCount"`
	Transfer           int `xml:"TransferMessageCount"`
	TransferDeadLetter int `xml:"TransferDeadLetterMessageCount"`
}

// Rule describes a rule of a subscription.
type Rule struct {
	XMLNS     string  `xml:"xmlns,attr,omitempty"`
	XSI       string  `xml:"xmlns:i,attr,omitempty"`
	Filter    *Filter `xml:"Filter,omitempty"`
	Action    *Action `xml:"Action,omitempty"`
	CreatedAt string  `xml:"CreatedAt,omitempty"`
	Name      string  `xml:"Name,omitempty"`
}

// Filter is one of TrueFilter, FalseFilter, SqlFilter and CorrelationFilter.
type Filter struct {
	TypeIn  string `xml:"http://www.w3.org/2001/XMLSchema-instance type,attr,omitempty"` // as read
	TypeOut string `xml:"i:type,attr,omitempty"`                                         // as written

	CorrelationID    string  `xml:"CorrelationId,omitempty"`
	MessageID        string  `xml:"MessageId,omitempty"`
	To               string  `xml:"To,omitempty"`
	ReplyTo          string  `xml:"ReplyTo,omitempty"`
	Label            string  `xml:"Label,omitempty"`
	SessionID        string  `xml:"SessionId,omitempty"`
	ReplyToSessionID string  `xml:"ReplyToSessionId,omitempty"`
	ContentType      string  `xml:"ContentType,omitempty"`
	Properties       *Values `xml:"Properties,omitempty"`
	SQL              string  `xml:"SqlExpression,omitempty"`
	Level            int     `xml:"CompatibilityLevel,omitempty"`
	Parameters       *Values `xml:"Parameters,omitempty"`
}

// Action is an EmptyRuleAction or SqlRuleAction.
type Action struct {
	TypeIn  string `xml:"http://www.w3.org/2001/XMLSchema-instance type,attr,omitempty"` // as read
	TypeOut string `xml:"i:type,attr,omitempty"`                                         // as written
	SQL     string `xml:"SqlExpression,omitempty"`
}

// Values are keys and values of simple types.
type Values struct {
	List []KeyValue `xml:"KeyValueOfstringanyType"`
}

// KeyValue is one of Values.
type KeyValue struct {
	Key   string `xml:"Key"`
	Value Value  `xml:"Value"`
}

// Value is a value of a type of XML Schema.
type Value struct {
	TypeIn  string `xml:"http://www.w3.org/2001/XMLSchema-instance type,attr,omitempty"` // as read
	TypeOut string `xml:"i:type,attr,omitempty"`                                         // as written
	L28     string `xml:"xmlns:l28,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// Namespace describes a namespace.
type Namespace struct {
	XMLNS         string `xml:"xmlns,attr,omitempty"`
	CreatedTime   string `xml:"CreatedTime"`
	MessagingSKU  string `xml:"MessagingSKU"`
	ModifiedTime  string `xml:"ModifiedTime"`
	Name          string `xml:"Name"`
	NamespaceType string `xml:"NamespaceType"`
}

// Entry is one entity. Exactly one part of its content is there.
type Entry struct {
	XMLName xml.Name `xml:"http://www.w3.org/2005/Atom entry"`
	ID      string   `xml:"id"`
	Title   string   `xml:"title"`
	Updated string   `xml:"updated"`
	Content Content  `xml:"content"`
}

// Content of an entry.
type Content struct {
	Type         string       `xml:"type,attr"`
	Queue        *Description `xml:"QueueDescription"`
	Topic        *Description `xml:"TopicDescription"`
	Subscription *Description `xml:"SubscriptionDescription"`
	Rule         *Rule        `xml:"RuleDescription"`
	Namespace    *Namespace   `xml:"NamespaceInfo"`
}

// Feed is a list of entities.
type Feed struct {
	XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string   `xml:"id"`
	Title   string   `xml:"title"`
	Updated string   `xml:"updated"`
	Entries []Entry  `xml:"entry"`
}

// Error is the answer to a request that is refused.
type Error struct {
	XMLName xml.Name `xml:"Error"`
	Code    int      `xml:"Code"`
	Detail  string   `xml:"Detail"`
}

// Mark completes the name spaces of a content before it is written.
func (c *Content) Mark() {
	c.Type = "application/xml"
	for _, d := range []*Description{c.Queue, c.Topic, c.Subscription} {
		if d != nil {
			d.XMLNS, d.XSI = nsConnect, nsXSI
		}
	}
	if c.Rule != nil {
		c.Rule.XMLNS, c.Rule.XSI = nsConnect, nsXSI
	}
	if c.Namespace != nil {
		c.Namespace.XMLNS = nsConnect
	}
}

// Time writes a time.
func Time(t time.Time) string { return t.UTC().Format(time.RFC3339) }
